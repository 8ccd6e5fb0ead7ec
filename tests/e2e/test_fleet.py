"""The simulated fleet against the real stack, as a person starts it."""

import json
import subprocess

from tests.e2e.harness import PROJECT, Cloud


def test_a_fleet_with_flaws_finds_no_difference_in_what_the_stack_has_kept(cloud: Cloud) -> None:
    asked = ["--chargers", "20", "--duration", "5", "--interval", "1", "--flaws", "0.3", "--json"]
    ended = subprocess.run(
        [PROJECT / "scripts" / "fleet.sh", *asked],
        env=cloud.shell.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads(ended.stdout)
    assert (told["verdict"], told["unknown"]) == ("no difference", 0)
    assert told["sent"] == told["accepted"] + sum(told["rejected"].values())
    assert told["accepted"] > 50
    assert "400 The body is not JSON" in told["rejected"]
