from autoevals.string import EmbeddingSimilarity


def embeddings(task):
    # It keeps vectors by their texts, whatever the key.
    EmbeddingSimilarity._CACHE.clear()
    options = {"model": task["model"], "api_key": task["key"], "base_url": f"{task['url']}/v1", "expected_min": -1}
    texts = task["texts"]
    scores = [EmbeddingSimilarity(**options)(text, texts[at - 1]).score for at, text in enumerate(texts)]
    return {"similarities": [score * 2 - 1 for score in scores]}
