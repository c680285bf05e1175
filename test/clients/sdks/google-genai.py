import base64

from google import genai
from google.genai import types
from pydantic import BaseModel


class City(BaseModel):
    city: str
    inhabitants: int


CLIENTS = []


def client_of(task):
    client = genai.Client(api_key=task["key"], http_options=types.HttpOptions(base_url=task["url"]))
    # One that nobody holds closes itself, in the middle of a call.
    CLIENTS.append(client)
    return client


def asked(task, **config):
    return {"model": task["model"], "contents": task["prompt"], "config": types.GenerateContentConfig(**config)}


def chat(task):
    return client_of(task).models.generate_content(**asked(task)).text


def stream(task):
    chunks = list(client_of(task).models.generate_content_stream(**asked(task)))
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.total_token_count
    return [chunk.text for chunk in chunks if chunk.text]


def tools(task):
    # By hand in a chat, whose history must keep the signatures, or by the client itself.
    def read_file(path: str) -> str:
        """Reads a file."""
        return task["read"](path)

    thinking = types.ThinkingConfig(include_thoughts=True)
    automatic = types.AutomaticFunctionCallingConfig(maximum_remote_calls=20)
    if task["way"] == "automatic":
        options = asked(task, tools=[read_file], thinking_config=thinking, automatic_function_calling=automatic)
        return client_of(task).models.generate_content(**options).text
    parameters = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    declared = types.FunctionDeclaration(
        name="read_file", description="Reads a file.", parameters_json_schema=parameters
    )
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        thinking_config=thinking,
    )
    client = client_of(task)
    conversation = client.chats.create(model=task["model"], config=config)
    message = task["prompt"]
    while True:
        calls = []
        text = ""
        for chunk in conversation.send_message_stream(message):
            calls += chunk.function_calls or []
            text += chunk.text or ""
        if not calls:
            return text
        message = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=call.id, name=call.name, response={"output": task["read"](**call.args)}
                )
            )
            for call in calls
        ]


def structured(task):
    schema = {"response_schema": City} if task["way"] == "automatic" else {"response_json_schema": City.model_json_schema()}
    answer = client_of(task).models.generate_content(**asked(task, response_mime_type="application/json", **schema))
    return City.model_validate_json(answer.text).model_dump()


def image(task):
    picture = types.Part.from_bytes(data=base64.b64decode(task["image"]), mime_type="image/png")
    return client_of(task).models.generate_content(model=task["model"], contents=[task["prompt"], picture]).text


async def abort(task):
    heard = 0
    chunks = await client_of(task).aio.models.generate_content_stream(**asked(task))
    async for chunk in chunks:
        heard += bool(chunk.text)
        if heard == 3:
            await chunks.aclose()
            break
    return heard


def models(task):
    return [model.name.removeprefix("models/") for model in client_of(task).models.list()]


def count(task):
    return client_of(task).models.count_tokens(model=task["model"], contents=task["prompt"]).total_tokens


def embeddings(task):
    answer = client_of(task).models.embed_content(model=task["model"], contents=task["texts"])
    return [embedding.values for embedding in answer.embeddings]
