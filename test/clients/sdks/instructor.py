import instructor
from openai import OpenAI
from pydantic import BaseModel


class City(BaseModel):
    """A city."""

    city: str
    inhabitants: int


def client_of(task):
    client = OpenAI(base_url=f"{task['url']}/v1", api_key=task["key"], max_retries=0)
    return instructor.from_openai(client, mode=instructor.Mode[task["way"]])


def asked(task):
    return {"model": task["model"], "messages": [{"role": "user", "content": task["prompt"]}], "max_retries": 0}


def structured(task):
    return client_of(task).create(**asked(task), response_model=City).model_dump()
