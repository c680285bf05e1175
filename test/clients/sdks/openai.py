import json

from openai import AzureOpenAI, OpenAI
from pydantic import BaseModel


class City(BaseModel):
    city: str
    inhabitants: int


PARAMETERS = {
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}
ABOUT = {"name": "read_file", "description": "Reads a file.", "parameters": PARAMETERS, "strict": True}


def client_of(task):
    options = {"api_key": task["key"], "max_retries": 0}
    if task["way"].startswith("AzureOpenAI"):
        return AzureOpenAI(**options, azure_endpoint=task["url"], api_version="2024-10-21")
    base = "/openai/v1" if task["way"].startswith("Azure") else "/v1"
    return OpenAI(**options, base_url=task["url"] + base)


def is_responses(task):
    return "responses" in task["way"]


def asked(task):
    return {"model": task["model"], "messages": [{"role": "user", "content": task["prompt"]}]}


def chat(task):
    if is_responses(task):
        return client_of(task).responses.create(model=task["model"], input=task["prompt"]).output_text
    if task["way"] == "completions":
        return client_of(task).completions.create(model=task["model"], prompt=task["prompt"]).choices[0].text
    return client_of(task).chat.completions.create(**asked(task)).choices[0].message.content


def stream(task):
    if is_responses(task):
        with client_of(task).responses.stream(model=task["model"], input=task["prompt"]) as events:
            pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
            assert events.get_final_response().output_text == "".join(pieces)
            return pieces
    if task["way"] == "completions":
        chunks = client_of(task).completions.create(model=task["model"], prompt=task["prompt"], stream=True)
        return [chunk.choices[0].text for chunk in chunks if chunk.choices and chunk.choices[0].text]
    with client_of(task).chat.completions.stream(**asked(task)) as events:
        return [event.delta for event in events if event.type == "content.delta"]


def tools(task):
    client = client_of(task)
    if is_responses(task):
        offered = [{"type": "function", **ABOUT}]
        response = client.responses.create(model=task["model"], input=task["prompt"], tools=offered)
        while calls := [item for item in response.output if item.type == "function_call"]:
            response = client.responses.create(
                model=task["model"],
                tools=offered,
                previous_response_id=response.id,
                input=[
                    {"type": "function_call_output", "call_id": call.call_id, "output": task["read"](**json.loads(call.arguments))}
                    for call in calls
                ],
            )
        return response.output_text
    messages = [{"role": "user", "content": task["prompt"]}]
    offered = [{"type": "function", "function": ABOUT}]
    while True:
        answer = client.chat.completions.create(model=task["model"], messages=messages, tools=offered)
        message = answer.choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message)
        for call in message.tool_calls:
            messages.append({"role": "tool", "tool_call_id": call.id, "content": task["read"](**json.loads(call.function.arguments))})


def structured(task):
    if is_responses(task):
        answer = client_of(task).responses.parse(model=task["model"], input=task["prompt"], text_format=City)
        return answer.output_parsed.model_dump()
    answer = client_of(task).chat.completions.parse(**asked(task), response_format=City)
    return answer.choices[0].message.parsed.model_dump()


def image(task):
    url = f"data:image/png;base64,{task['image']}"
    if is_responses(task):
        content = [{"type": "input_text", "text": task["prompt"]}, {"type": "input_image", "image_url": url}]
        given = [{"role": "user", "content": content}]
        return client_of(task).responses.create(model=task["model"], input=given).output_text
    content = [{"type": "text", "text": task["prompt"]}, {"type": "image_url", "image_url": {"url": url}}]
    messages = [{"role": "user", "content": content}]
    return client_of(task).chat.completions.create(model=task["model"], messages=messages).choices[0].message.content


def abort(task):
    client = client_of(task)
    if is_responses(task):
        events = client.responses.create(model=task["model"], input=task["prompt"], stream=True)
    elif task["way"] == "completions":
        events = client.completions.create(model=task["model"], prompt=task["prompt"], stream=True)
    else:
        events = client.chat.completions.create(**asked(task), stream=True)
    heard = 0
    for event in events:
        if is_responses(task):
            heard += event.type == "response.output_text.delta"
        elif task["way"] == "completions":
            heard += bool(event.choices and event.choices[0].text)
        else:
            heard += bool(event.choices and event.choices[0].delta.content)
        if heard == 3:
            events.close()
            break
    return heard


def models(task):
    return [model.id for model in client_of(task).models.list()]


def count(task):
    return client_of(task).responses.input_tokens.count(model=task["model"], input=task["prompt"]).input_tokens


def embeddings(task):
    # It asks for base64 by itself.
    create = client_of(task).embeddings.create
    vectors = [row.embedding for row in create(model=task["model"], input=task["texts"]).data]
    floats = create(model=task["model"], input=task["texts"], encoding_format="float").data
    assert all(
        abs(one - other) < 1e-7 for row, vector in zip(floats, vectors) for one, other in zip(row.embedding, vector)
    )
    return vectors
