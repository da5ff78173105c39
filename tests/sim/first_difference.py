"""What every battery does: compare case by case, say the first that differs, and exit with 1."""

__all__ = ["compare"]


def compare(cases, difference):
    """Return what the process exits with; ``cases`` are names and cases, ``difference`` says what differs in one."""
    equal = 0
    for name, case in cases:
        found = difference(*case)
        if found:
            print(f"{name}: {found}")
            return 1
        equal += 1
    print(f"{equal} cases equal")
    return 0
