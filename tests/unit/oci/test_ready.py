"""How long an answer is given again."""

import pytest

from entrepot import clock
from entrepot.answers import UNCHANGED, empty
from entrepot.identity.logins import Opened
from entrepot.identity.principals import ANONYMOUS
from entrepot.oci.ready import ReadyAnswers

NOW = 1_800_000_000.0


def _asked() -> dict[str, object]:
    return {
        "method": "GET",
        "raw_path": b"/v2/app/blobs/sha256:0",
        "query_string": b"",
        "client": ("127.0.0.1", 0),
        "scheme": "http",
        "headers": [],
        "range": None,
    }


@pytest.mark.parametrize(
    ("login", "answer", "until"),
    [(NOW + 60, UNCHANGED, NOW + 60), (NOW + 60, NOW + 20, NOW + 20), (NOW + 10, NOW + 20, NOW + 10)],
    ids=["as long as the login", "as long as the answer itself", "the shorter of both"],
)
def test_an_answer_is_given_again_until_its_time(monkeypatch, login, answer, until):
    ready = ReadyAnswers()
    response = empty(307)
    response.lasts = answer
    scope = _asked()
    monkeypatch.setattr(clock, "now", lambda: NOW)
    ready.find(scope)
    ready.keep(scope, response, Opened(ANONYMOUS, int(login), "AKIAEXAMPLE"))

    for moment, found in ((until - 1, True), (until, False)):
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        kept = ready.find(_asked())
        assert (kept is not None) == found
        assert kept is None or kept.start["status"] == 307
