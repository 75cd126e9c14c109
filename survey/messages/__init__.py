"""Text messages: what they say and cost, whom they reach, how they leave and what comes back."""
