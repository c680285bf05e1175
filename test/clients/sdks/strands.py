import base64

from strands import Agent, tool
from strands.models.openai import OpenAIModel
from strands.models.openai_responses import OpenAIResponsesModel


def agent_of(task, **more):
    arguments = {"api_key": task["key"], "base_url": f"{task['url']}/v1", "max_retries": 0}
    kind = OpenAIResponsesModel if task["way"] == "responses" else OpenAIModel
    return Agent(model=kind(client_args=arguments, model_id=task["model"]), callback_handler=None, **more)


def text_of(result):
    return "".join(block.get("text", "") for block in result.message["content"])


def chat(task):
    return text_of(agent_of(task)(task["prompt"]))


async def stream(task):
    return [event["data"] async for event in agent_of(task).stream_async(task["prompt"]) if "data" in event]


def tools(task):
    @tool
    def read_file(path: str) -> str:
        """Reads a file."""
        return task["read"](path)

    return text_of(agent_of(task, tools=[read_file])(task["prompt"]))


def image(task):
    picture = {"image": {"format": "png", "source": {"bytes": base64.b64decode(task["image"])}}}
    return text_of(agent_of(task)([{"text": task["prompt"]}, picture]))
