import ast
import sys

import pytest

from celerylint.facts import newer_lines
from celerylint.facts.newer_syntax import to_older

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 12), reason="this interpreter reads any f-string")

READ = [
    "x = f'{a['b']}', after\n",
    "x = f'{a['b']}{c['d']} e', f'{g['h']}', after\n",
    'x = f"{a["b"]}", after\n',
    "x = f'{a.b('c', d=[1, 2])}/{(e if f else '').strip('/')}', after\n",
    "x = f'{{a}}{b['c']}', after\n",
    "x = 'it\\'s', f'{b['c']}', after  # it's\n",
    "x = f'\\'{b['c']}\\'', after\n",
    "x = F'{b['c']:>{d}}', after\n",
    "x = (\n    f'{a}'\n    f'{b['c']}'\n    f'{d['e']}'\n), after\n",
    "try: a\nexcept A, B:\n    c\nf'{a['b']}'; after\n",
]
LEFT = [
    "x = f'{a['\"']}'\n",
    "x = f'{f'{a}'}'\n",
    "x = f\"{'\\n'.join(a)}\"\n",
    "x = f'{\n    a['b']}'\n",
    "x = f'{a['''b''']}'\n",
    "x = f'{a['b]}'\n",
    "x = '''a''', f'{a['b']}'\n",
    "x = f'{a[r'b']}'\n",
]


def error_of(source):
    with pytest.raises(SyntaxError) as caught:
        ast.parse(source)
    return caught.value


@pytest.mark.parametrize("source", READ)
def test_strings_in_their_own_quotes_are_read_as_libcst_reads_them(source):
    tree = newer_lines.parse(source, error_of(source))

    assert tree is not None
    assert ast.dump(tree, include_attributes=True) == ast.dump(
        ast.parse(to_older(source, (3, 11))), include_attributes=True
    )
    after = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "after"]
    assert all(source.splitlines()[node.lineno - 1][node.col_offset :].startswith("after") for node in after)


@pytest.mark.parametrize("source", LEFT)
def test_what_is_more_involved_is_left_to_libcst(source):
    assert newer_lines.parse(source, error_of(source)) is None
