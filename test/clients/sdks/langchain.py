from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class City(BaseModel):
    """A city."""

    city: str
    inhabitants: int


def model_of(task):
    if task["way"] == "anthropic":
        return ChatAnthropic(
            model=task["model"], api_key=task["key"], base_url=task["url"], max_retries=0, max_tokens=4000
        )
    return ChatOpenAI(
        model=task["model"],
        api_key=task["key"],
        base_url=f"{task['url']}/v1",
        max_retries=0,
        use_responses_api=task["way"] == "responses",
    )


def chat(task):
    return model_of(task).invoke(task["prompt"]).text


def stream(task):
    return [str(chunk.text) for chunk in model_of(task).stream(task["prompt"]) if chunk.text]


def tools(task):
    @tool
    def read_file(path: str) -> str:
        """Reads a file."""
        return task["read"](path)

    agent = create_agent(model_of(task), [read_file])
    answer = agent.invoke({"messages": [HumanMessage(task["prompt"])]}, {"recursion_limit": 50})
    return str(answer["messages"][-1].text)


def structured(task):
    return model_of(task).with_structured_output(City).invoke(task["prompt"]).model_dump()


def image(task):
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{task['image']}"}}
    content = [{"type": "text", "text": task["prompt"]}, picture]
    return str(model_of(task).invoke([HumanMessage(content=content)]).text)


def abort(task):
    heard = 0
    stream = model_of(task).stream(task["prompt"])
    for chunk in stream:
        heard += bool(chunk.text)
        if heard == 3:
            stream.close()
            break
    return heard
