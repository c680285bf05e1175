# Runs a script's functions, one a cell, and prints what each gave: started by ../sdks.ts in a sandbox.
import asyncio
import importlib.util
import inspect
import json
import logging
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
task = json.load(sys.stdin)
spec = importlib.util.spec_from_file_location("script", sys.argv[1])
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)

for cell in task["cells"]:
    plain = next(name for name in ("chat", "structured", "embeddings") if hasattr(script, name))
    name = plain if cell in ("wrong key", "unknown model") else cell
    mine = {**task, "prompt": task["prompts"].get(name)}
    runs = 0

    # The tool that is offered to the model.
    def read(path: str) -> str:
        global runs
        runs += 1
        with open(path) as file:
            return file.read()

    mine["read"] = read
    if name == "embeddings":
        mine["model"] = task["embedder"]
    if cell == "wrong key":
        mine["key"] = task["wrongKey"]
    if cell == "unknown model":
        mine["model"] = task["unknownModel"]
    try:
        run = getattr(script, name, None)
        value = "no such thing" if run is None else run(mine)
        if inspect.isawaitable(value):
            value = asyncio.run(value)
        if cell == "tools" and run is not None:
            value = {"text": value, "runs": runs}
        said = {"value": value}
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    print("\n@@cell " + json.dumps({"cell": cell, **said}), flush=True)
