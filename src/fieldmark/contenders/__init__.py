"""What is asked and measured: one interface, a registry of kinds, and the shelf of model weights."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fieldmark.contenders._base import Contender, Delta, Finish, Identity, Readiness
from fieldmark.contenders._catalogue import CATALOGUE, KnownModel
from fieldmark.contenders._http import is_loopback, normalise_url, proxy_for
from fieldmark.contenders._probe import Probe, probe
from fieldmark.contenders._reach import Reach
from fieldmark.contenders._registry import CONTENDERS, make_contender
from fieldmark.contenders._request import checked_messages
from fieldmark.contenders._shelf import Model, Shelf, is_path, verify
from fieldmark.contenders._spec import ContenderSpec, Message, Price, Sampler
from fieldmark.contenders._trouble import retry_after

if TYPE_CHECKING:
    from fieldmark.contenders._detect import LocalServer, detect
    from fieldmark.contenders._endpoint import EndpointContender, read_key
    from fieldmark.contenders._pull import pull
    from fieldmark.contenders._weights import WeightsContender

__all__ = [
    "CATALOGUE",
    "CONTENDERS",
    "Contender",
    "ContenderSpec",
    "Delta",
    "EndpointContender",
    "Finish",
    "Identity",
    "KnownModel",
    "LocalServer",
    "Message",
    "Model",
    "Price",
    "Probe",
    "Reach",
    "Readiness",
    "Sampler",
    "Shelf",
    "WeightsContender",
    "checked_messages",
    "detect",
    "is_loopback",
    "is_path",
    "make_contender",
    "normalise_url",
    "probe",
    "proxy_for",
    "pull",
    "read_key",
    "retry_after",
    "verify",
]

_LATER = {
    "EndpointContender": "_endpoint",
    "WeightsContender": "_weights",
    "LocalServer": "_detect",
    "detect": "_detect",
    "pull": "_pull",
    "read_key": "_endpoint",
}


def __getattr__(name: str) -> Any:
    """Load what pulls in more than this page only when it is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
