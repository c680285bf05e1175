from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
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
    if task["way"] == "google":
        return ChatGoogleGenerativeAI(model=task["model"], api_key=task["key"], base_url=task["url"], max_retries=1)
    options = {"model": task["model"], "api_key": task["key"], "base_url": f"{task['url']}/v1", "max_retries": 0}
    if task["way"] == "completions":
        return OpenAI(**options)
    return ChatOpenAI(**options, use_responses_api=task["way"] == "responses")


def text_of(said):
    # A model of completions gives a text.
    return said if isinstance(said, str) else str(said.text)


def chat(task):
    return text_of(model_of(task).invoke(task["prompt"]))


def stream(task):
    return [text_of(chunk) for chunk in model_of(task).stream(task["prompt"]) if text_of(chunk)]


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
        heard += bool(text_of(chunk))
        if heard == 3:
            stream.close()
            break
    return heard


def embeddings(task):
    first, *others = task["texts"]
    if task["way"] == "google":
        embedder = GoogleGenerativeAIEmbeddings(model=task["model"], api_key=task["key"], base_url=task["url"])
    else:
        # It would fetch its tokenizer from elsewhere to count by.
        embedder = OpenAIEmbeddings(
            model=task["model"],
            api_key=task["key"],
            base_url=f"{task['url']}/v1",
            max_retries=0,
            check_embedding_ctx_length=False,
        )
    return [embedder.embed_query(first), *embedder.embed_documents(others)]
