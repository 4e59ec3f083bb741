"""The words: prompts, strict schemas, the grounding check, the OpenAI coach and its rule-based fallback."""
