"""The API model: what the headers declare, in one typed form that every emitter reads.

A value that only the compiler knows (a size, an offset, an enumerator, an array's length) is an `Asked`: the C
expression that gives it, and its value once `probe.answer` has had the compiler evaluate it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Union


@dataclass
class Asked:
    """A C constant expression and, after the probe, its value: int, float, or bytes for a string."""

    expression: str
    value: Union[int, float, bytes, None] = None

    @property
    def integer(self) -> int:
        assert isinstance(self.value, int), f"{self.expression} was not answered"
        return self.value


@dataclass(frozen=True)
class Named:
    """A type known by name: `float`, `struct llama_model`, `enum ggml_type`, `llama_token`.

    Of the qualifiers only `const` is kept: the others change nothing for a caller.
    """

    name: str
    const: bool = False


@dataclass(frozen=True)
class Pointer:
    to: Type
    const: bool = False


@dataclass(frozen=True, eq=False)
class Array:
    """`length` is None for `[]`."""

    of: Type
    length: Optional[Asked]


@dataclass(frozen=True)
class Parameter:
    name: str  # "" where the header gives none
    type: Type


@dataclass(frozen=True)
class Signature:
    """A function's type."""

    result: Type
    parameters: tuple[Parameter, ...]
    variadic: bool = False


@dataclass(frozen=True, eq=False)
class Inline:
    """A struct or union without a name of its own, written where it is used."""

    record: Record


Type = Union[Named, Pointer, Array, Signature, Inline]


@dataclass
class Declaration:
    """What every entry of the API has: its C name, where it is declared, and the comment that documents it."""

    name: str
    header: str
    line: int
    comment: str = ""


@dataclass
class Function(Declaration):
    signature: Signature = Signature(Named("void"), ())
    deprecated: bool = False
    deprecation: str = ""  # what the header says of that, "" if nothing
    inline: bool = False  # defined in the header itself
    module: str = ""  # the backend whose module has it ("cpu", "cuda", ...); "" for the core libraries


@dataclass
class Field(Declaration):
    """A member; `name` is "" for an anonymous struct or union. Offset and size are in bytes, None for bit-fields."""

    type: Type = Named("int")
    bits: Optional[Asked] = None
    offset: Optional[Asked] = None
    size: Optional[Asked] = None


@dataclass
class Record(Declaration):
    """A struct or union; `tagged` says whether C needs the keyword before its name. No fields, no size: opaque."""

    keyword: str = "struct"
    tagged: bool = True
    fields: Optional[list[Field]] = None
    size: Optional[Asked] = None
    align: Optional[Asked] = None

    @property
    def c_name(self) -> str:
        return f"{self.keyword} {self.name}" if self.tagged else self.name


@dataclass
class Enumerator(Declaration):
    value: Asked = field(default_factory=lambda: Asked("0"))


@dataclass
class Enum(Declaration):
    """`name` is "" for an enum that only serves to name constants."""

    tagged: bool = True
    enumerators: list[Enumerator] = field(default_factory=list[Enumerator])

    @property
    def c_name(self) -> str:
        return f"enum {self.name}" if self.tagged else self.name


@dataclass
class Constant(Declaration):
    """A macro with a value, or a `static const` scalar (`type` is then its C type)."""

    value: Asked = field(default_factory=lambda: Asked("0"))
    type: Optional[str] = None


@dataclass
class Typedef(Declaration):
    type: Type = Named("int")


@dataclass(frozen=True)
class Skipped:
    """Something that a header has and the API has not, and why.

    `kind` is "header", "function", "type", "variable", "macro", or "members": those of the struct that is named.
    """

    kind: str
    name: str
    header: str
    line: int
    reason: str


@dataclass
class API:
    """Everything, in the order of declaration: C and cffi want a type's name declared before it is used."""

    headers: list[str] = field(default_factory=list[str])
    types: list[Union[Record, Enum, Typedef]] = field(default_factory=list[Union[Record, Enum, Typedef]])
    constants: list[Constant] = field(default_factory=list[Constant])
    functions: list[Function] = field(default_factory=list[Function])
    skipped: list[Skipped] = field(default_factory=list[Skipped])

    @property
    def records(self) -> list[Record]:
        return [type_ for type_ in self.types if isinstance(type_, Record)]

    @property
    def enums(self) -> list[Enum]:
        return [type_ for type_ in self.types if isinstance(type_, Enum)]

    @property
    def typedefs(self) -> list[Typedef]:
        return [type_ for type_ in self.types if isinstance(type_, Typedef)]


@dataclass(frozen=True)
class Problem:
    """A declaration that the generator can't take."""

    header: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.header}:{self.line}: {self.reason}"


class HeaderError(Exception):
    """The API can't be generated; `problems` says where and why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def inline_of(type_: Type) -> Optional[Record]:
    """The struct or union without a name that a member is, or is an array of."""
    while isinstance(type_, Array):
        type_ = type_.of
    return type_.record if isinstance(type_, Inline) else None


def spell(type_: Type, name: str = "") -> str:
    """C for `name` declared with this type, or for the type alone. An inline record's body is the emitter's affair."""
    if isinstance(type_, Named):
        return f"{'const ' if type_.const else ''}{type_.name} {name}".rstrip()
    if isinstance(type_, Inline):
        raise TypeError("an unnamed struct or union has no spelling")
    if isinstance(type_, Pointer):
        star = f"*{'const ' if type_.const else ''}{name}"
        return spell(type_.to, f"({star})" if isinstance(type_.to, (Array, Signature)) else star)
    if isinstance(type_, Array):
        return spell(type_.of, f"{name}[{'' if type_.length is None else type_.length.integer}]")
    parameters = [spell(p.type, p.name) for p in type_.parameters] + ["..."] * type_.variadic
    return spell(type_.result, f"{name}({', '.join(parameters) or 'void'})")
