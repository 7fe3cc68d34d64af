"""What a person sees of a run: live panel, log lines, summary, report files."""
