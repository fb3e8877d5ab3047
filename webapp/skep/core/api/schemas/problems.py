"""A refusal, as RFC 9457 has it."""

from pydantic import BaseModel


class Fault(BaseModel):
    """One fault of a request; the pointer is a JSON Pointer into the body, or `?parameter`."""

    pointer: str
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457; match on `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault]
    request_id: str
