from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from pydantic import BaseModel

set_tracing_disabled(True)


class City(BaseModel):
    city: str
    inhabitants: int


def agent_of(task, **more):
    client = AsyncOpenAI(base_url=f"{task['url']}/v1", api_key=task["key"], max_retries=0)
    kind = OpenAIResponsesModel if task["way"] == "responses" else OpenAIChatCompletionsModel
    model = kind(model=task["model"], openai_client=client)
    return Agent(**{"name": "helper", "instructions": "Be brief.", "model": model, **more})


def reader_of(task):
    @function_tool
    def read_file(path: str) -> str:
        """Reads a file."""
        return task["read"](path)

    return read_file


async def chat(task):
    return (await Runner.run(agent_of(task), task["prompt"])).final_output


async def stream(task):
    result = Runner.run_streamed(agent_of(task), task["prompt"])
    pieces = []
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            pieces.append(event.data.delta)
    return pieces


async def tools(task):
    agent = agent_of(task, tools=[reader_of(task)])
    return (await Runner.run(agent, task["prompt"], max_turns=20)).final_output


async def structured(task):
    return (await Runner.run(agent_of(task, output_type=City), task["prompt"])).final_output.model_dump()


async def image(task):
    picture = {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{task['image']}"}
    content = [{"type": "input_text", "text": task["prompt"]}, picture]
    return (await Runner.run(agent_of(task), [{"role": "user", "content": content}])).final_output


async def handoff(task):
    reader = agent_of(task, name="reader", handoff_description="Reads.", tools=[reader_of(task)])
    result = await Runner.run(agent_of(task, handoffs=[reader]), task["prompt"])
    assert result.last_agent.name == "reader", f"{result.last_agent.name} has the last word"
    return result.final_output
