"""Writes every task's answer to the file SKEP_TEST_ANSWERS, as `HOST: TASK` -> answer."""

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: answers
type: notification
short_description: Write every task's answer to a file
description: For tests.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "answers"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[str, Any] = {}

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result)

    def v2_runner_on_failed(self, result: Any, **_: Any) -> None:
        self._keep(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._keep(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        Path(os.environ["SKEP_TEST_ANSWERS"]).write_text(json.dumps(self._answers, default=str))

    def _keep(self, result: Any) -> None:
        self._answers[f"{result.host.name}: {result.task_name}"] = dict(result.result)
