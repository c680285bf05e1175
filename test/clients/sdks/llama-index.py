from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAIResponses
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel


class City(BaseModel):
    """A city."""

    city: str
    inhabitants: int


def llm_of(task):
    options = {"model": task["model"], "api_key": task["key"], "api_base": f"{task['url']}/v1", "max_retries": 0}
    if task["way"] == "responses":
        return OpenAIResponses(**options, context_window=100000)
    return OpenAILike(**options, is_chat_model=True, is_function_calling_model=True, context_window=100000)


def asked(task):
    return [ChatMessage(role="user", content=task["prompt"])]


def chat(task):
    return llm_of(task).chat(asked(task)).message.content


def stream(task):
    return [piece.delta for piece in llm_of(task).stream_chat(asked(task)) if piece.delta]


async def tools(task):
    read = FunctionTool.from_defaults(fn=task["read"], name="read_file", description="Reads a file.")
    agent = FunctionAgent(tools=[read], llm=llm_of(task), streaming=False)
    return str(await agent.run(task["prompt"]))


def structured(task):
    return llm_of(task).as_structured_llm(City).chat(asked(task)).raw.model_dump()


def image(task):
    picture = ImageBlock(url=f"data:image/png;base64,{task['image']}", image_mimetype="image/png")
    message = ChatMessage(role="user", blocks=[TextBlock(text=task["prompt"]), picture])
    return llm_of(task).chat([message]).message.content


def embeddings(task):
    first, *others = task["texts"]
    options = {"model_name": task["model"], "api_key": task["key"], "api_base": f"{task['url']}/v1", "max_retries": 0}
    embedder = OpenAIEmbedding(**options)
    return [embedder.get_query_embedding(first), *embedder.get_text_embedding_batch(others)]
