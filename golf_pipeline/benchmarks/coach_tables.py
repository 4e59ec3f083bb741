"""The tables of `golf-pipeline benchmark coach`."""

from rich.console import Console
from rich.table import Table

from golf_pipeline.benchmarks.coach import CoachScore, KindScore


def print_tables(score: CoachScore, console: Console) -> None:
    """Print what was caught by kind, the examples that were missed, false alarms and tokens."""
    plain = [kind for kind in score.kinds if not kind.hard]
    hard = [kind for kind in score.kinds if kind.hard]
    console.print(_table(f"Planted in the usual words, {score.swings} swings", plain))
    console.print(_table("Planted in paraphrases, hints and pictures", hard))
    for alarm in score.false_alarms:
        console.print(f"false alarm: {alarm}", soft_wrap=True)
    console.print(f"{score.honest_texts} honest texts, {len(score.false_alarms)} false alarms")
    tokens = score.tokens
    console.print(
        f"tokens of a coaching (estimated): median {tokens.median}, most {tokens.most}, "
        f"with a repair {tokens.most_with_repair}, allowed {tokens.allowed}"
    )


def _table(title: str, kinds: list[KindScore]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("kind", "planted", "caught", "%"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    table.add_column("missed, for example")
    for one in kinds:
        share = f"{100 * one.caught / one.planted:.1f}"
        table.add_row(one.kind, str(one.planted), str(one.caught), share, " | ".join(one.missed))
    planted, caught = sum(one.planted for one in kinds), sum(one.caught for one in kinds)
    table.add_section()
    table.add_row("in all", str(planted), str(caught), f"{100 * caught / max(planted, 1):.1f}", "")
    return table
