# SPDX-License-Identifier: Apache-2.0
"""The one file that downloads. What it returns from has the size and the sha256 asked for."""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    ChecksumError,
    DownloadError,
    InvalidItemError,
)

_CHUNK = 1 << 20
_TIMEOUT_S = 60
_PARTIAL = 206


@dataclass(frozen=True)
class Source:
    """Where content comes from: `ca_pem` is the only certificate trusted, when given."""

    url: str
    size_bytes: int
    sha256: str
    ca_pem: str | None = None
    token: str | None = None


def fetch(source: Source, part: Path) -> None:
    """Fill `part` with the verified content and sync it; a half file is continued.

    Raises:
        DownloadError: the server cannot be reached or says no; `part` stays to be continued.
        ChecksumError: the content is another; `part` is removed.
        OSError: the disk is full; `part` is removed.
    """
    _check_url(source)
    try:
        with part.open("a+b") as file:
            digest = _hash_existing(file, source.size_bytes)
            if file.tell() < source.size_bytes:
                digest = _continue(source, file, digest)
            _verify(source, file.tell(), digest.hexdigest())
            file.flush()
            os.fsync(file.fileno())
    except (ChecksumError, OSError):
        part.unlink(missing_ok=True)
        raise


def _check_url(source: Source) -> None:
    allowed = ("https://",) if source.token else ("https://", "http://")
    if not source.url.startswith(allowed):
        raise InvalidItemError("url", source.url, f"starts with {' or '.join(allowed)}")


def _hash_existing(file: BinaryIO, size_bytes: int) -> hashlib._Hash:
    """Hash what an interrupted download left; too much cannot be the beginning of our content."""
    digest = hashlib.sha256()
    if file.seek(0, os.SEEK_END) > size_bytes:
        file.truncate(0)
    file.seek(0)
    for chunk in iter(lambda: file.read(_CHUNK), b""):
        digest.update(chunk)
    return digest


def _continue(source: Source, file: BinaryIO, digest: hashlib._Hash) -> hashlib._Hash:
    try:
        with _opener(source).open(_request(source, file.tell()), timeout=_TIMEOUT_S) as response:
            if response.status != _PARTIAL:
                file.truncate(0)
                file.seek(0)
                digest = hashlib.sha256()
            _receive(response, source, file, digest)
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(source.url, f"HTTP status {error.code}") from error
    except urllib.error.URLError as error:
        raise DownloadError(source.url, str(error.reason)) from error
    except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
        raise DownloadError(source.url, str(error)) from error
    return digest


def _receive(
    response: http.client.HTTPResponse, source: Source, file: BinaryIO, digest: hashlib._Hash
) -> None:
    while chunk := response.read(_CHUNK):
        if file.tell() + len(chunk) > source.size_bytes:
            more = f"more than {source.size_bytes} bytes"
            raise ChecksumError(source.url, "the content", more, f"{source.size_bytes} bytes")
        file.write(chunk)
        digest.update(chunk)


def _verify(source: Source, size: int, sha256: str) -> None:
    if size < source.size_bytes:
        raise DownloadError(source.url, f"ended after {size} of {source.size_bytes} bytes")
    if sha256 != source.sha256:
        raise ChecksumError(source.url, "the sha256", sha256, source.sha256)


def _request(source: Source, start: int) -> urllib.request.Request:
    headers = {"Range": f"bytes={start}-"} if start else {}
    if source.token:
        headers["Authorization"] = f"Bearer {source.token}"
    return urllib.request.Request(source.url, headers=headers)  # noqa: S310  checked by _check_url


def _opener(source: Source) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(cadata=source.ca_pem)
    # The certificate given may be the server's own rather than that of an authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # No proxy: Cells reach their Core directly.
    handlers = (
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=context),
        _NoRedirect(),
    )
    return urllib.request.build_opener(*handlers)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would carry the token to wherever the server points."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow nothing, so that the status becomes an error."""
