"""A measured machine in labelled lines."""

from pathlib import Path

from optimoe.core.units import format_bytes
from optimoe.report.words.lines import Lines
from optimoe.trainer.probing.machine import Probe


def probe_lines(found: Probe, file: Path) -> Lines:
    """Memory, products and latencies, and how the file is used."""
    threads = f", threads: {found.threads}" if found.threads else ""
    products = " · ".join(f"{word} {peak / 1e12:.3g} TFLOP/s" for word, peak in found.peak_flops_per_s.items())
    lines = [
        ("Machine", f"{found.device}{threads}"),
        ("Memory", f"{format_bytes(found.memory_bytes)}, copied at {format_bytes(found.memory_bytes_per_s)}/s"),
        ("Products", products),
        ("Launch", f"{found.launch_s * 1e6:.1f} µs a call"),
    ]
    if found.cache_bytes:
        cache = f"{format_bytes(found.cache_bytes)}, copied within at {format_bytes(found.cache_bytes_per_s)}/s"
        lines.append(("Cache", cache))
    if found.curves:
        lines.append(("Operators", f"curves of {', '.join(found.curves).replace('_', ' ')}"))
    if found.host_bytes_per_s:
        copies = f"{format_bytes(found.host_bytes_per_s)}/s, {found.host_copy_s * 1e6:.1f} µs for one number"
        lines.append(("From host", copies))
    return [*lines, ("File", f"{file}, for --gpu {file} or --gpus 1x{file}")]
