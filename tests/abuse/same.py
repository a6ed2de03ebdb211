"""Answers that must not tell one thing from another."""

from tests.oci.wire import Answer


def seen(answer: Answer, *names: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that an answer tells: status, headers, body; what the request named itself is left out."""
    headers = sorted((key.lower(), _without(value, names)) for key, value in answer.headers.items())
    left = [(key, value) for key, value in headers if key not in {"date", "content-length"}]
    return answer.status, left, _without(answer.data.decode(), names).encode()


def _without(text: str, names: tuple[str, ...]) -> str:
    for name in names:
        text = text.replace(name, "…")
    return text
