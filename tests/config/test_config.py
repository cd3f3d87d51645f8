from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import celerylint
from celerylint.config import ConfigError, Options, load, option_table


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_file_every_option_has_its_default(project: Path) -> None:
    settings = load(["."])
    assert settings.options == Options()
    assert settings.source is None
    assert settings.root == project


def test_pyproject_table_is_read(project: Path) -> None:
    write(
        project,
        "pyproject.toml",
        """
        [tool.celerylint]
        select = ["CLY2", "missing-acks-late"]
        fail-on = "error"
        jobs = 3
        include-tests = true
        celery-version = "5.4.0"
        [tool.celerylint.per-file-ignores]
        "legacy/**" = ["CLY101"]
        """,
    )
    options = load(["."]).options
    assert options.select == ("CLY2", "missing-acks-late")
    assert options.fail_on == "error"
    assert options.jobs == 3
    assert options.include_tests is True
    assert options.celery_version == "5.4.0"
    assert options.per_file_ignores == (("legacy/**", ("CLY101",)),)


def test_own_file_wins_over_pyproject_in_the_same_folder(project: Path) -> None:
    write(project, "pyproject.toml", '[tool.celerylint]\npreset = "all"\n')
    write(project, "celerylint.toml", 'preset = "playbook"\n')
    assert load(["."]).options.preset == "playbook"


def test_nearest_file_counts_and_its_folder_is_the_root(project: Path) -> None:
    write(project, "celerylint.toml", 'preset = "all"\n')
    write(project, "service/pyproject.toml", '[tool.celerylint]\npreset = "playbook"\n')
    write(project, "service/src/app/tasks.py", "")
    settings = load(["service/src/app/tasks.py"])
    assert settings.options.preset == "playbook"
    assert settings.root == project / "service"


def test_pyproject_without_our_table_is_passed_over(project: Path) -> None:
    write(project, "celerylint.toml", 'preset = "all"\n')
    write(project, "service/pyproject.toml", '[project]\ndependencies = ["celerylint"]\n')
    settings = load(["service"])
    assert settings.options.preset == "all"
    assert settings.root == project


@pytest.mark.parametrize("marker", ["pyproject.toml", "setup.cfg", "manage.py"])
def test_root_is_the_nearest_project_without_a_configuration_file(project: Path, marker: str) -> None:
    write(project, f"backend/{marker}", "")
    write(project, "backend/app/tasks.py", "")
    assert load(["backend/app"]).root == project / "backend"


def test_files_that_are_named_do_not_make_the_project_smaller(project: Path) -> None:
    write(project, "setup.cfg", "")
    write(project, "backend/manage.py", "")
    write(project, "backend/app/tasks.py", "")
    assert load(["backend/app/tasks.py"]).root == project
    assert load(["backend/app/tasks.py", "backend/app"]).root == project / "backend"
    write(project, "backend/celerylint.toml", "")
    assert load(["backend/app/tasks.py"]).root == project / "backend"


def test_file_is_of_its_own_project_where_the_current_folder_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "shop/manage.py", "")
    write(tmp_path, "shop/app/tasks.py", "")
    monkeypatch.chdir(tmp_path)
    assert load(["shop/app/tasks.py"]).root == tmp_path / "shop"


def test_root_of_several_paths_holds_all_of_them(project: Path) -> None:
    write(project, "setup.cfg", "")
    write(project, "a/manage.py", "")
    write(project, "b/manage.py", "")
    assert load(["a", "b"]).root == project


def test_file_given_by_name_does_not_move_the_root_away_from_the_project(project: Path) -> None:
    write(project, "elsewhere/strict.toml", 'preset = "all"\n')
    write(project, "app/manage.py", "")
    settings = load(["app"], config="elsewhere/strict.toml")
    assert settings.options.preset == "all"
    assert settings.root == project / "app"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[tool.other]\nselct = 1\n\n[tool.celerylint]\nignore = []\nselct = ["CLY1"]\n',
            'pyproject.toml:6: unknown key "selct" in [tool.celerylint]; did you mean "select"?',
        ),
        ("[tool.celerylint]\nzzz = 1\n", 'pyproject.toml:2: unknown key "zzz" in [tool.celerylint]'),
        (
            '[tool.celerylint]\npreset = "recomended"\n',
            'pyproject.toml:2: "preset" must be one of recommended, playbook, all, not "recomended"; '
            'did you mean "recommended"?',
        ),
        (
            '[tool.celerylint]\n\nselect = "CLY1"\n',
            'pyproject.toml:3: "select" must be a list of strings, not "CLY1"',
        ),
        (
            "[tool.celerylint]\nexit-zero = 1\n",
            'pyproject.toml:2: "exit-zero" must be true or false, not 1',
        ),
        (
            "[tool.celerylint]\njobs = 0\n",
            'pyproject.toml:2: "jobs" must be a number of processes from 1, or "auto", not 0',
        ),
        (
            "[tool.celerylint]\ncelery-version = 5.4\n",
            'pyproject.toml:2: "celery-version" must be a string, not 5.4',
        ),
        (
            '[tool.celerylint]\ncelery-version = "latest"\n',
            'pyproject.toml:2: "celery-version" must be a version such as "5.4", not "latest"',
        ),
        (
            '[tool.celerylint]\n[tool.celerylint.per-file-ignores]\n"a" = "CLY1"\n',
            'pyproject.toml:2: "per-file-ignores" must be a table of lists of strings, not a table',
        ),
        ("[tool.celerylint\n", None),
        ('[tool]\ncelerylint = "yes"\n', "pyproject.toml:2: [tool.celerylint] must be a table"),
    ],
)
def test_mistake_in_the_file_is_one_line_with_its_place(project: Path, text: str, message: str | None) -> None:
    write(project, "pyproject.toml", text)
    with pytest.raises(ConfigError) as caught:
        load(["."])
    said = str(caught.value)
    assert "\n" not in said
    if message is None:
        assert said.startswith("pyproject.toml:1: not valid TOML: ")
    else:
        assert said == message


def test_unknown_key_in_own_file_has_its_line(project: Path) -> None:
    write(project, "celerylint.toml", '# hello\noutput_format = "json"\n')
    with pytest.raises(
        ConfigError, match=r'^celerylint.toml:2: unknown key "output_format"; did you mean "output-format"'
    ):
        load(["."])


def test_missing_named_file_is_said(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"^no such configuration file: nope.toml$"):
        load(["."], config="nope.toml")


def test_flag_wins_over_the_file(project: Path) -> None:
    write(project, "celerylint.toml", 'preset = "all"\nfail-on = "error"\njobs = 2\n')
    options = load(["."], {"fail_on": "info", "jobs": "4"}).options
    assert (options.preset, options.fail_on, options.jobs) == ("all", "info", 4)


def test_ignore_flag_adds_to_what_the_file_ignores(project: Path) -> None:
    write(project, "celerylint.toml", 'ignore = ["CLY101"]\n')
    assert load(["."], {"ignore": ("CLY201",)}).options.ignore == ("CLY101", "CLY201")


def test_select_flag_sets_aside_what_the_file_selects_and_ignores(project: Path) -> None:
    write(project, "celerylint.toml", 'select = ["CLY1"]\nextend-select = ["CLY3"]\nignore = ["CLY2"]\n')
    options = load(["."], {"select": ("CLY201",)}).options
    assert (options.select, options.extend_select, options.ignore) == (("CLY201",), (), ())


def test_preset_flag_sets_aside_the_selection_of_the_file(project: Path) -> None:
    write(project, "celerylint.toml", 'select = ["CLY1"]\nignore = ["CLY2"]\n')
    options = load(["."], {"preset": "all"}).options
    assert (options.select, options.ignore, options.preset) == ((), ("CLY2",), "all")


def test_extend_select_flag_takes_back_an_ignore_of_the_file(project: Path) -> None:
    write(project, "celerylint.toml", 'ignore = ["CLY101", "CLY2"]\n')
    options = load(["."], {"extend_select": ("CLY101",)}).options
    assert (options.extend_select, options.ignore) == (("CLY101",), ("CLY2",))


def test_bad_flag_is_named_as_a_flag(project: Path) -> None:
    with pytest.raises(ConfigError, match=r'^--fail-on must be one of info, .*, not "eror"; did you mean "error"\?$'):
        load(["."], {"fail_on": "eror"})


def test_late_error_is_located_in_the_file(project: Path) -> None:
    write(project, "celerylint.toml", 'preset = "all"\nselect = [\n  "CLY1",\n  "CLY999",\n]\n')
    settings = load(["."])
    error = ConfigError('unknown rule "CLY999"', option="select", value="CLY999")
    assert settings.locate(error) == 'celerylint.toml:4: unknown rule "CLY999"'


def test_late_error_about_a_flag_has_no_place_in_the_file(project: Path) -> None:
    write(project, "celerylint.toml", 'ignore = ["CLY1"]\n')
    settings = load(["."], {"select": ("CLY999",)})
    error = ConfigError('unknown rule "CLY999"', option="select", value="CLY999")
    assert settings.locate(error) == 'unknown rule "CLY999"'


def test_options_can_key_a_cache() -> None:
    assert hash(Options(select=("CLY1",))) == hash(Options(select=("CLY1",)))


def test_every_option_is_described_for_people() -> None:
    for option in option_table():
        assert option.help.endswith("."), option.name
        assert option.key == option.key.lower()


def test_no_toml_parser_is_loaded_where_nothing_is_configured(project: Path) -> None:
    write(project, "pyproject.toml", "[project]\nname = 'x'\n")
    code = (
        "import sys; from celerylint.config import load; load(['.']);"
        "print(*{'tomllib', 'tomli', 'click', 'rich', 'pathspec'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(celerylint.__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize(
    ("text", "flags", "confidence"),
    [
        ('preset = "all"\n', {}, "low"),
        ('preset = "all"\nconfidence = "high"\n', {}, "high"),
        ('preset = "all"\n', {"confidence": "medium"}, "medium"),
        ('preset = "all"\n', {"preset": "playbook"}, "medium"),
        ("", {"preset": "all"}, "low"),
    ],
)
def test_the_preset_all_shows_what_is_uncertain(
    text: str, flags: dict[str, object], confidence: str, project: Path
) -> None:
    write(project, "celerylint.toml", text)
    assert load(["."], flags).options.confidence == confidence
