import pytest

from survey.errors import Conflict
from survey.models.message import STEPS, Message, MessageState

# Where a message may go from where it stands, as an operator would draw it.
DRAWN = {
    "ready": "sending sent cancelled expired failed",
    "sending": "sent unknown ready failed delivered undelivered",
    "unknown": "sent ready failed cancelled delivered undelivered",
    "sent": "delivered undelivered delivery_unknown expired ready",
    "delivery_unknown": "delivered undelivered",
    "delivered": "",
    "undelivered": "",
    "expired": "",
    "failed": "",
    "cancelled": "",
}


@pytest.mark.parametrize("state", MessageState)
def test_only_drawn_steps_are_taken(state):
    """From each state exactly the drawn ones are reached; any other step is refused."""
    assert set(STEPS) == set(MessageState)
    for other in MessageState:
        message = Message(state=state)
        if other in DRAWN[state].split():
            message.step(other)
            assert message.state == other
        else:
            with pytest.raises(Conflict, match="message_step"):
                message.step(other)
            assert message.state == state
