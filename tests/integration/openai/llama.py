"""A real server of llama.cpp, with a model that is built here and knows one story.

Token n of the story makes the model say token n+1: the embeddings of the story's tokens, and of the token that asks for
an answer, are unit vectors; each layer adds nothing to them; and each row of the output picks the vector of the token
before. So the answer to every prompt is `STORY`, token by token, and then the end.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

# fmt: off
TOKENS: Final = (
    "▁The", "▁tide", "▁came", "▁back", "▁to", "▁Krak", "ów", "▁with", "▁a", "▁letter", ",", "▁and", "▁the", "▁keeper",
    "▁counted", "▁it", "▁twice", ":", "▁", "<0xE2>", "<0x9B>", "<0xB5>", ".",
)
# fmt: on
STORY: Final = " The tide came back to Kraków with a letter, and the keeper counted it twice: ⛵."
CONTEXT: Final = 256  # tokens; one for each byte of the prompt
NAME: Final = "tiny"

UNKNOWN, BEGIN, END, ASK, ANSWER = "<unk>", "<s>", "</s>", "<|ask|>", "<|answer|>"
TEMPLATE: Final = (
    "{% for m in messages %}"
    + ASK
    + "{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}"
    + ANSWER
    + "{% endif %}"
)
WIDTH: Final = 64  # of an embedding; more than the story has tokens
SERVE: Final = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = sys.argv[1], {sys.argv[2]}
params.n_ctx, params.n_parallel, params.n_gpu_layers, params.warmup = int(sys.argv[3]), 1, 0, False
params.port, params.hostnames, params.cpuparams.n_threads, params.verbosity = 0, ["127.0.0.1"], 1, 0
params.api_keys = sys.argv[4:]
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Llama:
    """A running server."""

    url: str
    key: str


@contextmanager
def serving_llama(folder: Path, *, key: str) -> Iterator[Llama]:
    """Run the server on a free port, in its own process, until the block ends."""
    model = folder / "tiny.gguf"
    write_model(model)
    command = [sys.executable, "-c", SERVE, str(model), NAME, str(CONTEXT), key]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, "the server of llama.cpp did not start"
        yield Llama(f"{address}/v1", key)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(30)


def write_model(path: Path) -> None:
    """Write the model as GGUF."""
    import gguf
    import numpy as np

    special = [UNKNOWN, BEGIN, END, ASK, ANSWER]
    every_byte = [f"<0x{byte:02X}>" for byte in range(256)]
    words = [token for token in dict.fromkeys(TOKENS) if token not in every_byte]
    tokens = [*special, *every_byte, *words]
    kind = gguf.TokenType
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // 2)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(
        [kind.UNKNOWN, *[kind.CONTROL] * 4, *[kind.BYTE] * len(every_byte), *[kind.NORMAL] * len(words)]
    )
    writer.add_unk_token_id(tokens.index(UNKNOWN))
    writer.add_bos_token_id(tokens.index(BEGIN))
    writer.add_eos_token_id(tokens.index(END))
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    embeddings = np.zeros((len(tokens), WIDTH), np.float32)
    output = np.zeros((len(tokens), WIDTH), np.float32)
    embeddings[:, -1] = 1
    chain = [tokens.index(token) for token in (ANSWER, *TOKENS, END)]
    assert len(set(chain)) == len(chain) < WIDTH, "each token of the story has to say what comes next"
    for step, (before, after) in enumerate(pairwise(chain)):
        embeddings[before] = np.eye(WIDTH, dtype=np.float32)[step]
        output[after, step] = 8  # enough to be chosen at any temperature up to 1
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output.weight", output)
    for norm in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{norm}.weight", np.ones(WIDTH, np.float32))
    for matrix in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{matrix}.weight", np.zeros((WIDTH, WIDTH), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
