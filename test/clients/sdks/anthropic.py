from anthropic import Anthropic, beta_tool
from pydantic import BaseModel


class City(BaseModel):
    city: str
    inhabitants: int


def client_of(task):
    return Anthropic(base_url=task["url"], api_key=task["key"], max_retries=0)


def asked(task):
    messages = [{"role": "user", "content": task["prompt"]}]
    return {"model": task["model"], "max_tokens": 4000, "messages": messages}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def chat(task):
    return text_of(client_of(task).messages.create(**asked(task)))


def stream(task):
    with client_of(task).messages.stream(**asked(task)) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert message.stop_reason == "end_turn" and text_of(message) == "".join(pieces)
    return pieces


def tools(task):
    @beta_tool
    def read_file(path: str) -> str:
        """Reads a file.

        Args:
            path: Where it is.
        """
        return task["read"](path)

    thinking = {"type": "enabled", "budget_tokens": 1024}
    runner = client_of(task).beta.messages.tool_runner(**asked(task), thinking=thinking, tools=[read_file])
    return text_of(runner.until_done())


def structured(task):
    return client_of(task).messages.parse(**asked(task), output_format=City).parsed_output.model_dump()


def image(task):
    source = {"type": "base64", "media_type": "image/png", "data": task["image"]}
    content = [{"type": "image", "source": source}, {"type": "text", "text": task["prompt"]}]
    messages = [{"role": "user", "content": content}]
    return text_of(client_of(task).messages.create(**{**asked(task), "messages": messages}))


def abort(task):
    events = client_of(task).messages.create(**asked(task), stream=True)
    heard = 0
    for event in events:
        heard += event.type == "content_block_delta" and event.delta.type == "text_delta"
        if heard == 3:
            events.close()
            break
    return heard


def models(task):
    return [model.id for model in client_of(task).models.list()]


def count(task):
    messages = asked(task)["messages"]
    return client_of(task).messages.count_tokens(model=task["model"], messages=messages).input_tokens
