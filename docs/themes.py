"""Every picture of the site twice: as it is for light pages, and in other colours for dark ones.

A figure is painted a second time by a `DarkRenderer`, so nothing has to be computed twice and no drawing function knows
of it. White paper becomes dark, black ink becomes light, and colours that are too dark become brighter. Areas whose
colours show values, such as maps, stay as they are. Other pictures get their colours changed in the file.

After a change here, delete docs/_build: the pictures of lessons are kept with their other outputs.
"""

import hashlib
import html
import io
import re
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from minigrad.drawing.picture import Picture
from optim.viz.pictures.drawing import Drawing

OUTPUTS = Path(__file__).parent / "_build" / "executed" / "outputs" / "pictures"  # of the lessons; kept as their cache
PAPER, INK = np.array([19, 20, 22]) / 255, 0.93  # what white and black become; the first is Furo's dark page
LUMA = (0.299, 0.587, 0.114)  # how light red, green and blue look
LIGHT_ENOUGH = 0.5  # for lines and points on a dark page
GREY = 0.15  # colours less colourful count as grey


# Colours

def dark_ink(color):
    """Return the colour of a line, point or letter for a dark page: a grey is turned, a dark colour is made lighter.

    Parameters
    ----------
    color : array_like
        Red, green, blue and perhaps opacity, from 0 to 1, along the last axis; so for the functions below.
    """
    rgb, opacity = np.split(np.asarray(color, float), [3], axis=-1)
    missing = np.maximum(0, (LIGHT_ENOUGH - light(rgb)) / (1 - np.minimum(light(rgb), LIGHT_ENOUGH)))
    lifted = rgb + missing * (1 - rgb)
    greyness = np.clip(1.25 - 5 * colorfulness(rgb), 0, 1)
    return np.concatenate([lifted + greyness * (turned(rgb) - lifted), opacity], axis=-1)


def dark_area(color):
    """Return the colour of an area for a dark page: nearly white or black is turned, any other stays."""
    rgb, opacity = np.split(np.asarray(color, float), [3], axis=-1)
    extreme = (np.abs(light(rgb) - 0.5) > 0.37) & (colorfulness(rgb) < GREY)
    return np.concatenate([np.where(extreme, turned(rgb), rgb), opacity], axis=-1)


def dark_field(colors):
    """Return the colours of many areas for a dark page: greys with white among them are turned, any others stay."""
    colors = np.asarray(colors, float)
    is_paper = (colors.min(axis=-1, initial=1) > 0.98).any() and (colorfulness(colors) < GREY).all()
    return np.concatenate([turned(colors[..., :3]), colors[..., 3:]], axis=-1) if is_paper else colors


def turned(rgb):
    """Return colours as light as they were dark, with white as dark as the page."""
    return np.clip(rgb - light(rgb) + INK - (INK - PAPER) * light(rgb), 0, 1)


def light(rgb):
    """Return how light colours look, from 0 to 1."""
    return (rgb @ LUMA)[..., None]


def colorfulness(rgb):
    """Return how far colours are from grey, from 0 to 1."""
    return np.ptp(rgb[..., :3], axis=-1)[..., None]


# Figures

class DarkRenderer(RendererAgg):
    """Paints a figure as Matplotlib does, in the colours of a dark page."""

    def __init__(self, width, height, dpi):
        super().__init__(width, height, dpi)
        for name in ("draw_markers", "draw_path_collection", "draw_quad_mesh", "draw_image"):
            delattr(self, name)  # the instance's own would hide the methods below

    def pen(self, gc):
        """Return a copy of a graphics context that draws in the colours of a dark page."""
        copy = self.new_gc()
        copy.copy_properties(gc)
        copy.set_foreground(tuple(dark_ink(gc.get_rgb())), isRGBA=True)
        return copy

    def draw_path(self, gc, path, transform, rgbFace=None):
        face = rgbFace
        if rgbFace is not None:
            is_letter = gc.get_linewidth() == 0 and tuple(rgbFace[:3]) == tuple(gc.get_rgb()[:3])  # it has a halo
            face = tuple((dark_ink if is_letter else dark_area)(rgbFace))
        super().draw_path(self.pen(gc), path, transform, face)

    def draw_text(self, gc, x, y, *args, **kwargs):
        row, column = int(np.clip(y, 8, self.height - 1)), int(np.clip(x, 0, self.width - 1))
        below = np.asarray(self._renderer)[row - 8:row + 1, column:column + 24, :3] / 255
        pens = [self.pen(gc), gc]  # the second one for letters on a light part of a map
        contrast = [np.abs(light(np.array(pen.get_rgb()[:3])) - np.median(light(below))) for pen in pens]
        super().draw_text(pens[np.argmax(contrast)], x, y, *args, **kwargs)

    def draw_markers(self, gc, marker, marker_transform, path, transform, rgbFace=None):
        face = None if rgbFace is None else tuple(dark_ink(rgbFace))
        self._renderer.draw_markers(self.pen(gc), marker, marker_transform, path, transform, face)

    def draw_path_collection(self, gc, transform, paths, transforms, offsets, offset_transform, faces, edges, *rest,
                             **kwargs):
        faces = dark_field(faces)
        if len(np.unique(faces, axis=0)) < 9:  # so few do not show values
            faces = dark_area(faces)
        self._renderer.draw_path_collection(self.pen(gc), transform, paths, transforms, offsets, offset_transform,
                                            faces, dark_ink(edges), *rest, **kwargs)

    def draw_quad_mesh(self, gc, transform, width, height, corners, offsets, offset_transform, faces, *rest):
        self._renderer.draw_quad_mesh(gc, transform, width, height, corners, offsets, offset_transform,
                                      dark_field(faces), *rest)

    def draw_image(self, gc, x, y, image, *rest):
        image = (255 * dark_field(np.asarray(image) / 255)).round().astype(np.uint8)
        self._renderer.draw_image(gc, x, y, image, *rest)


class DarkCanvas(FigureCanvasAgg):
    """The canvas of a figure for dark pages."""

    def get_renderer(self):
        self.renderer = DarkRenderer(*self.get_width_height(physical=True), self.figure.dpi)
        return self.renderer


def in_the_dark(figure, save, *args, **kwargs):
    """Call a function that saves a figure as PNG, and have it painted for dark pages."""
    canvas = figure.canvas
    DarkCanvas(figure)
    try:
        return save(*args, **kwargs)
    finally:
        figure.set_canvas(canvas)


# Files

def dark_name(path):
    """Return the path of the picture for dark pages that belongs to one for light pages."""
    return Path(path).with_stem(Path(path).stem + "-dark")


def twice(save):
    """Return a method `save` of drawings that writes a PNG for dark pages, too."""
    def save_both(drawing, path, **kwargs):
        if Path(path).suffix == ".png":
            in_the_dark(drawing.figure, save, drawing, dark_name(path), **kwargs)
        return save(drawing, path, **kwargs)

    return save_both


def recolor(path):
    """Write the picture for dark pages from a file without areas that show values: .png, .gif or .svg."""
    data = Path(path).read_bytes()
    if Path(path).suffix == ".svg":
        data = re.sub(rb"#[0-9a-f]{6}\b", lambda found: to_hex(dark_ink(to_rgb(found[0].decode()))).encode(), data)
    elif Path(path).suffix == ".gif":  # its frames share one palette, after the 13 bytes of the head
        palette = np.frombuffer(data[13:13 + 3 * 2 ** (data[10] % 8 + 1)], np.uint8)
        data = data[:13] + dark_pixels(palette.reshape(-1, 3)).tobytes() + data[13 + len(palette):]
    else:
        with Image.open(path) as image:
            painted = Image.fromarray(dark_pixels(np.asarray(image.convert("RGB"))))
            painted.save(dark_name(path), dpi=image.info.get("dpi", (100, 100)))
        return
    dark_name(path).write_bytes(data)


def dark_pixels(pixels):
    """Return pixels, as whole numbers from 0 to 255, for a dark page."""
    return (255 * dark_ink(pixels / 255)).round().astype(np.uint8)


# Pages

def shown(path, folder, alt):
    """Return the HTML of a picture, for light and for dark pages; a click opens the file.

    Parameters
    ----------
    path : path
        Of the file for light pages. The one for dark pages is beside it, or is made from it.
    folder : str
        Where the page finds both.
    alt : str
        What the picture shows, in words.
    """
    if not dark_name(path).exists():
        recolor(path)
    width, height = map(round, size_of(path))
    return "".join(
        f'<a class="picture only-{theme}" href="{folder}/{file.name}"><img src="{folder}/{file.name}" loading="lazy" '
        f'alt="{html.escape(alt)}" width="{width}" height="{height}" style="--width: {width}px"></a>'
        for theme, file in (("light", Path(path)), ("dark", dark_name(path))))


def size_of(path):
    """Return the width and height of a picture at 100 dots an inch."""
    if Path(path).suffix == ".svg":
        points = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', Path(path).read_text(encoding="utf-8"))
        return [float(length) * 100 / 72 for length in points.groups()]
    with Image.open(path) as image:
        dots = image.info.get("dpi", (100, 100))
        return [length * 100 / dots for length, dots in zip(image.size, dots)]


# Notebooks

def show_twice_in_notebooks():
    """Have the notebook in which this runs show figures and drawings as the site does."""
    def picture_html(picture):
        figure = picture.ax.figure
        return player(picture) or (None if picture.is_managed else output(figure, figure.savefig, picture.description))

    player, Picture._repr_html_ = Picture._repr_html_, picture_html
    Figure._repr_html_ = lambda figure: output(figure, figure.savefig, titles(figure))
    Drawing._repr_html_ = lambda drawing: None if drawing.is_managed else drawing.html()
    Drawing.html = lambda drawing: output(drawing.figure, drawing.write, drawing.description)


def output(figure, save, alt):
    """Write a figure into the folder of outputs, and return the HTML that shows it in a lesson."""
    light, dark = io.BytesIO(), io.BytesIO()
    save(light, format="png", dpi=150)
    in_the_dark(figure, save, dark, format="png", dpi=150)
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    path = OUTPUTS / f"{hashlib.sha256(light.getvalue()).hexdigest()[:16]}.png"
    path.write_bytes(light.getvalue())
    dark_name(path).write_bytes(dark.getvalue())
    return shown(path, "../pictures", alt)


def titles(figure):
    """Return what the titles of a figure say."""
    found = [figure.get_suptitle(), *(ax.get_title() for ax in figure.axes)]
    return "; ".join(" ".join(title.split()) for title in found if title)
