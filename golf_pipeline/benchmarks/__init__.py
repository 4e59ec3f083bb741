"""What the analysis is worth: commands that score it on labelled data and print what they ran on."""
