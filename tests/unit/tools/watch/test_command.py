"""The command's arguments, each refused in one line that says what to do."""

import io

import pytest

from tools.watch.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--stage", "dev", "--token", "t"], "only of stage local all chargers are listed: name the chargers"),
        (["--url", "https://a", "--token", "t"], "only of stage local"),
        (["--stage", "dev", "CP-1"], "give a --token"),
        (["--url", "https://a", "--stage", "dev", "--token", "t", "CP-1"], "--stage or --url, not both"),
        (["--url", "https://a", "--token", "secret\u00e4", "CP-1"], "argument --token: that is no bearer token"),
        (["--url", "https://a", "--token", " ", "CP-1"], "argument --token: that is no bearer token"),
        (["-CP", "CP-1"], "unrecognized arguments"),
        (["CP 1"], "'CP 1' can't be the id of a charger"),
        (["--interval", "0"], "'0' is not a number from 0.5 to 3,600"),
        (["--interval", "nan"], "'nan' is not a number from 0.5 to 3,600"),
        (["--url", "ftp://a"], "is no URL that begins with"),
        (["--url", "http://xn--a"], "'http://xn--a' is no URL: "),
        (["--url", "https://"], "'https://' is no URL: it names no host"),
        (["-"], "standard input: 'CP 2' can't be the id of a charger"),
    ],
)
def test_arguments_that_do_not_fit_end_with_2_and_one_line(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("CP-1\n\nCP 2\n"))
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert why in told
    assert told.count("\n") == 1
