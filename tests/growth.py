"""Whether what runs on without an end keeps more and more."""

__all__ = ["assert_none"]


def assert_none(push, piece, held):
    """Push a piece five times; ``held()`` says as much after the last one as after the first."""
    push(piece)
    after_one = held()
    for _ in range(4):
        push(piece)
    assert held() == after_one
