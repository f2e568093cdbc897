"""Sixty names that try to run, to link, to load, to hide or to break what they stand in."""

from __future__ import annotations

from tests.report.samples import HOSTILE

_SCRIPTS = (
    "<script>window.hacked=1</script>",
    "<ScRiPt>window.hacked=1</sCrIpT>",
    "</script><script>window.hacked=1</script>",
    "</style><script>window.hacked=1</script>",
    "</title><script>window.hacked=1</script>",
    "</textarea><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<img/src='x'/onerror=window.hacked=1>",
    "<svg><script>window.hacked=1</script></svg>",
    "<svg/onload=window.hacked=1>",
    "<math><mtext><img src=x onerror=window.hacked=1></mtext></math>",
    "<body onload=window.hacked=1>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'>",
    "<details open ontoggle=window.hacked=1>",
    "<input autofocus onfocus=window.hacked=1>",
    "'-window.hacked=1-'",
    "\\';window.hacked=1//",
    "`${window.hacked=1}`",
    '");window.hacked=1;("',
    "--><script>window.hacked=1</script>",
    "<noscript><p title='</noscript><img src=x onerror=window.hacked=1>'>",
    "\\u003cscript\\u003ewindow.hacked=1\\u003c/script\\u003e",
    "&#60;script&#62;window.hacked=1&#60;/script&#62;",
    "<<script>window.hacked=1//<</script>",
)
_LOADS = (
    "<a href='javascript:window.hacked=1'>x</a>",
    "<a href=//evil.example>x</a>",
    "<a xlink:href=https://evil.example>x</a>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import url(https://evil.example/x.css)</style>",
    "background:url(https://evil.example/x.png)",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example>",
    "<form action=https://evil.example><button>x</button></form>",
    "<object data=https://evil.example></object>",
    "<embed src=https://evil.example>",
    "<video src=https://evil.example/x.mp4></video>",
    "![x](https://evil.example/x.png)",
    "[x](javascript:window.hacked=1)",
)
_ODD = (
    "\x00null\x07bell",
    "\u200bzero\u200dwidth",
    "\ud7ff\ufffe",
    "e\u0301" * 40,
    "\N{PILE OF POO}" * 20,
    "%s %d {0} {name!r} ${x}",
    "__proto__",
    "constructor",
)
NAMES = (*HOSTILE, *_SCRIPTS, *_LOADS, *_ODD)
