import base64

from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class City(BaseModel):
    city: str
    inhabitants: int


def agent_of(task, **more):
    # It takes an answer only if its object is called as OpenAI calls it.
    provider = OpenAIProvider(base_url=f"{task['url']}/openai/v1", api_key=task["key"])
    model = OpenAIResponsesModel if task["way"] == "responses" else OpenAIChatModel
    return Agent(model(task["model"], provider=provider), **more)


async def chat(task):
    return (await agent_of(task).run(task["prompt"])).output


async def stream(task):
    async with agent_of(task).run_stream(task["prompt"]) as result:
        return [piece async for piece in result.stream_text(delta=True, debounce_by=None)]


async def tools(task):
    agent = agent_of(task)

    @agent.tool_plain
    def read_file(path: str) -> str:
        """Reads a file."""
        return task["read"](path)

    return (await agent.run(task["prompt"])).output


async def structured(task):
    return (await agent_of(task, output_type=City).run(task["prompt"])).output.model_dump()


async def image(task):
    picture = BinaryContent(base64.b64decode(task["image"]), media_type="image/png")
    return (await agent_of(task).run([task["prompt"], picture])).output


async def abort(task):
    heard = 0
    async with agent_of(task).run_stream(task["prompt"]) as result:
        async for _ in result.stream_text(delta=True, debounce_by=None):
            heard += 1
            if heard == 3:
                break
    return heard
