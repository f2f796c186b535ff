"""Half-size RGB frames of real clips and of a game, cached on disk: what motion networks are trained on."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

VIDEOS = {".mp4", ".mkv", ".mpg", ".webm"}
HEIGHT = 240
"""Largest height of cached frames; they count as half the size of their source."""
LONGEST = 420
"""Frames kept of one clip."""
QUALITIES = (18, 26, 32, 38)
"""x264's constant rate factors of the coded copies."""
CODED_LENGTH = 150
"""Frames of a coded copy."""
GAME_RATE = 35
"""Game frames a second."""


def decoded(source: list[str], width: int, height: int, stream: bytes | None = None) -> np.ndarray:
    """RGB frames [n, height, width, 3] of what FFmpeg reads with the options `source`."""
    command = ["ffmpeg", "-v", "error", *source, "-vf", f"scale={width}:{height}:flags=area", "-f", "rawvideo",
               "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, input=stream, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, height, width, 3)


def half_size(path: Path) -> tuple[int, int]:
    """Even width and height at which a clip is cached: half of its own, at most HEIGHT."""
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of",
             "csv=p=0", str(path)]
    first = subprocess.run(probe, stdout=subprocess.PIPE, check=True, text=True).stdout.split()[0]
    width, height = (int(part) for part in first.split(",")[:2])
    small = min(HEIGHT, height // 2)
    return round(width * small / height / 2) * 2, small // 2 * 2


def coded(path: Path, width: int, height: int, quality: int) -> np.ndarray:
    """The first frames of a clip after x264 at twice the given size, half-size."""
    encode = ["ffmpeg", "-v", "error", "-i", str(path), "-frames:v", str(CODED_LENGTH), "-vf",
              f"scale={2 * width}:{2 * height}:flags=area", "-pix_fmt", "yuv420p", "-an", "-c:v", "libx264", "-preset",
              "veryfast", "-crf", str(quality), "-f", "h264", "-"]
    stream = subprocess.run(encode, stdout=subprocess.PIPE, check=True).stdout
    return decoded(["-f", "h264", "-i", "-"], width, height, stream)


def cache_clips(folder: Path, cache: Path) -> None:
    """One .npy for each clip under `folder`, and one for a coded copy of it."""
    for number, path in enumerate(sorted(p for p in folder.rglob("*") if p.suffix in VIDEOS)):
        width, height = half_size(path)
        plain = ["-i", str(path), "-frames:v", str(LONGEST)]
        save(cache / f"clip-{path.stem}.npy", lambda: decoded(plain, width, height))
        quality = QUALITIES[number % len(QUALITIES)]
        save(cache / f"coded-{path.stem}.npy", lambda: coded(path, width, height, quality))


def save(path: Path, make: callable) -> None:
    """Write what `make` gives, whole or not at all, unless it is there."""
    if not path.exists():
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.save(file, make())
        partial.replace(path)


def game_frames(level: str, count: int, seed: int) -> Iterator[np.ndarray]:
    """Frames of a walk through a level of Freedoom: turns, looks up and down, walks, stops."""
    import vizdoom

    game = vizdoom.DoomGame()
    data = "freedoom1.wad" if level.startswith("E") else "freedoom2.wad"
    game.set_doom_game_path(str(Path(vizdoom.__file__).parent / data))
    game.set_doom_map(level)
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_640X360)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_render_hud(False)
    game.set_render_weapon(seed % 2 == 0)
    game.set_window_visible(False)
    game.set_mode(vizdoom.Mode.PLAYER)
    game.set_episode_timeout(10**6)
    game.set_seed(seed)
    game.add_game_args("+sv_cheats 1 +snd_efx 0 -nosound +vid_forcesurface 0")
    button = vizdoom.Button
    game.set_available_buttons([button.MOVE_FORWARD_BACKWARD_DELTA, button.MOVE_LEFT_RIGHT_DELTA,
                                button.TURN_LEFT_RIGHT_DELTA, button.LOOK_UP_DOWN_DELTA, button.USE])
    game.init()
    game.send_game_command("god")
    game.send_game_command("notarget")
    chance = random.Random(seed)
    goal, now = [0.0] * 4, [0.0] * 4
    for frame in range(count):
        if frame % GAME_RATE == 0:
            goal = [chance.choice([0, 8, 14, 20, -6]), chance.choice([0, 0, 5, -5]), chance.gauss(0, 2.2),
                    chance.gauss(0, 0.4)]
        now = [value + 0.1 * (target - value) for value, target in zip(now, goal)]
        if game.is_episode_finished():
            game.new_episode()
        yield game.get_state().screen_buffer
        # A hand-held camera shakes a little.
        shake = [0.0, 0.0, chance.gauss(0, 0.12), chance.gauss(0, 0.08)]
        game.make_action([a + b for a, b in zip(now, shake)] + [int(frame % 20 == 0)])
    game.close()


def cache_game(cache: Path, levels: list[str], count: int) -> None:
    """One .npy for each level; needs the package `vizdoom`."""
    width = round(HEIGHT * 16 / 9 / 2) * 2

    def shrunk(level: str, seed: int) -> np.ndarray:
        pictures = (Image.fromarray(frame) for frame in game_frames(level, count, seed))
        return np.stack([np.asarray(picture.resize((width, HEIGHT), Image.BOX)) for picture in pictures])

    for seed, level in enumerate(levels):
        save(cache / f"game-{level}.npy", lambda: shrunk(level, seed + 1))
