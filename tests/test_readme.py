"""README's programs run as a reader types them: pasted at a prompt, one block after the other."""

import code
import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_programs_can_be_pasted_at_a_prompt(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    console = code.InteractiveConsole()
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    waiting = False
    for line in "\n".join(blocks).split("\n"):
        waiting = console.push(line)
    output = capsys.readouterr()
    assert not waiting and "Traceback" not in output.err and "SyntaxError" not in output.err, output.err
    assert (tmp_path / "himmelblau.png").exists() and (tmp_path / "rosenbrock_gradient.py").exists()
