"""Plain C to the API model, by way of pycparser's tree."""

from __future__ import annotations

import re
from typing import Any, Optional

from pycparser import c_ast as untyped
from pycparser import c_generator, c_parser

from comments import Comments
from model import (
    API,
    Array,
    Asked,
    Constant,
    Enum,
    Enumerator,
    Field,
    Function,
    HeaderError,
    Inline,
    Named,
    Parameter,
    Pointer,
    Problem,
    Record,
    Signature,
    Skipped,
    Type,
    Typedef,
    inline_of,
)
from preprocess import Preprocessed

c_ast: Any = untyped  # what a checker would infer from its code is wrong in places

# The C library's types that cffi knows, and one that it does not, so that the text parses without the C library.
SYSTEM_TYPES = [
    *(f"{u}int{kind}{bits}_t" for u in ("", "u") for kind in ("", "_least", "_fast") for bits in (8, 16, 32, 64)),
    *("intptr_t", "uintptr_t", "intmax_t", "uintmax_t", "ptrdiff_t", "size_t", "ssize_t"),
    *("wchar_t", "char16_t", "char32_t", "FILE", "va_list"),
]
# Words of one type may stand in any order in C, and in few in cffi.
_RANK = {"signed": 0, "unsigned": 0, "short": 1, "long": 1}
_TAGGED = (c_ast.Struct, c_ast.Union, c_ast.Enum)
_PARSE_ERROR = re.compile(r"(?P<header>.*?):(?P<line>\d+)(?::\d+)?: (?P<reason>.*)", re.DOTALL)


def parse(plain: Preprocessed, comments: Comments, skip: dict[str, str]) -> API:
    """The model of what `plain` declares; macros are not in it yet.

    Args:
        plain: preprocessed headers.
        comments: the comments in the headers.
        skip: names to leave out, with the reason.

    Raises:
        HeaderError: something does not parse, or can't be expressed in the model.
    """
    prologue = "".join(f"typedef int {name};\n" for name in SYSTEM_TYPES)
    try:
        tree: Any = c_parser.CParser().parse(f'# 1 "system"\n{prologue}{plain.text}\n')
    except Exception as error:  # pycparser has moved its ParseError between releases
        where = _PARSE_ERROR.match(str(error))
        if type(error).__name__ != "ParseError" or not where:
            raise
        reason = (
            f"does not parse ({where['reason']}): a type that no public header declares, or C that is not understood"
        )
        raise HeaderError([Problem(where["header"], int(where["line"]), reason)]) from None
    builder = _Builder(comments, plain.deprecated, skip)
    for node in tree.ext:
        if node.coord is None or node.coord.file != "system":
            builder.take(node)
    if builder.problems:
        raise HeaderError(builder.problems)
    return builder.api


class _Unsupported(Exception):
    pass


class _Builder:
    def __init__(self, comments: Comments, deprecated: dict[str, str], skip: dict[str, str]) -> None:
        self.api = API()
        self.problems: list[Problem] = []
        self._comments = comments
        self._deprecated = deprecated
        self._skip = skip
        self._generator = c_generator.CGenerator()
        self._records: dict[str, Record] = {}
        self._enums: set[str] = set()
        self._parameters: set[str] = set()  # of the function whose signature is being read
        self._functions: set[str] = set()
        self._typedefs: dict[str, Type] = {}
        self._unnamed: dict[int, str] = {}  # a struct, union or enum without a tag -> the typedef that names it

    def take(self, node: Any) -> None:
        """One external declaration."""
        if isinstance(node, c_ast.Pragma) or type(node).__name__ in ("EmptyStatement", "StaticAssert"):
            return
        name = getattr(node, "name", None) or getattr(node.type, "name", None) or ""
        if name in self._skip:
            place = self._where(name, node.coord)
            kind = "type"
            if isinstance(node, c_ast.Decl) and node.name:
                kind = "function" if isinstance(node.type, c_ast.FuncDecl) else "variable"
            self.api.skipped.append(Skipped(kind, name, place["header"], place["line"], self._skip[name]))
            return
        try:
            if isinstance(node, c_ast.Typedef):
                self._typedef(node)
            elif isinstance(node, c_ast.Decl) and isinstance(node.type, _TAGGED):
                self._define(node.type)
            elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
                self._function(node)
            elif isinstance(node, c_ast.Decl) and "static" in node.storage and "const" in node.quals:
                self._static_const(node)
            else:
                raise _Unsupported("a global variable, which Python could see change at any time")
        except _Unsupported as error:
            reason = f"{name}: {error} (policy.toml's [skip] can leave it out)"
            self.problems.append(Problem(node.coord.file, node.coord.line, reason))

    def _where(self, name: str, coord: Any, ends: str = ";") -> dict[str, Any]:
        """Name, header, line and comment of a declaration."""
        line, comment = self._comments.of_declaration(coord.file, name, coord.line, ends)
        return {"name": name, "header": coord.file, "line": line, "comment": comment}

    def _function(self, node: Any) -> None:
        signature = self._type(node.type)
        assert isinstance(signature, Signature)
        if node.name in self._functions:
            return
        self._functions.add(node.name)
        self.api.functions.append(
            Function(
                **self._where(node.name, node.coord),
                signature=signature,
                deprecated=node.name in self._deprecated,
                deprecation=self._deprecated.get(node.name, ""),
                inline="static" in node.storage,
            )
        )

    def _static_const(self, node: Any) -> None:
        type_ = self._type(node.type)
        of = type_.to if isinstance(type_, Pointer) else type_.of if isinstance(type_, Array) else None
        if of in (Named("char"), Named("char", const=True)):
            spelled = "char *"
        elif isinstance(type_, Named) and not type_.name.startswith(("struct ", "union ")):
            spelled = type_.name
        else:
            raise _Unsupported("a constant that is neither a number nor a string")
        self.api.constants.append(Constant(**self._where(node.name, node.coord), value=Asked(node.name), type=spelled))

    def _typedef(self, node: Any) -> None:
        inner: Any = getattr(node.type, "type", None)
        is_new = isinstance(inner, _TAGGED) and not inner.name and id(inner) not in self._unnamed
        if is_new and isinstance(node.type, c_ast.TypeDecl):
            self._unnamed[id(inner)] = node.name  # typedef struct { … } name: the name is the record's own
            self._define(inner, typedef=node.name)
            return
        type_ = self._type(node.type)
        if node.name not in self._typedefs:
            self._typedefs[node.name] = type_
            self.api.types.append(Typedef(**self._where(node.name, node.coord), type=type_))

    def _define(self, node: Any, typedef: Optional[str] = None) -> None:
        """A struct, union or enum that stands for itself or under a typedef's name."""
        if isinstance(node, c_ast.Enum):
            self._enum(node, typedef)
        else:
            self._record(node, typedef)

    def _enum(self, node: Any, typedef: Optional[str]) -> None:
        name = typedef or node.name or ""
        key = typedef or f"enum {node.name or id(node)}"
        if key in self._enums:
            return
        if node.values is None:
            raise _Unsupported(f"enum {name} is not defined")
        self._enums.add(key)
        place: dict[str, Any] = {**self._where(node.name or "", node.coord), "name": name}
        enumerators = [
            Enumerator(**self._where(value.name, value.coord, ends=","), value=Asked(value.name))
            for value in node.values.enumerators
        ]
        self.api.types.append(Enum(**place, tagged=typedef is None, enumerators=enumerators))

    def _record(self, node: Any, typedef: Optional[str]) -> Record:
        keyword = "union" if isinstance(node, c_ast.Union) else "struct"
        key = typedef or f"{keyword} {node.name}"
        record = self._records.get(key)
        if record is None:
            place: dict[str, Any] = {**self._where(node.name or "", node.coord), "name": typedef or node.name}
            record = self._records[key] = Record(**place, keyword=keyword, tagged=typedef is None)
            self.api.types.append(record)
        if node.decls is not None and record.fields is None:
            place = {**self._where(node.name or "", node.coord), "name": record.name}
            record.header, record.line, record.comment = place["header"], place["line"], place["comment"]
            fields = self._fields(node, record.c_name, "")
            # Defined after the records that its fields define or name.
            self.api.types = [type_ for type_ in self.api.types if type_ is not record] + [record]
            reason = self._beyond_cffi(fields)
            if reason:
                self.api.skipped.append(Skipped("members", record.name, record.header, record.line, reason))
                fields = []
            record.fields = fields
            record.size = Asked(f"sizeof({record.c_name})")
            record.align = Asked(f"_Alignof({record.c_name})")
        return record

    def _fields(self, node: Any, outer: str, path: str) -> list[Field]:
        """The members; `outer` and `path` lead to them from the named record that holds them all."""
        fields: list[Field] = []
        for decl in node.decls:
            if isinstance(decl, c_ast.Pragma) or type(decl).__name__ == "StaticAssert":
                continue
            inner: Any = decl.type if decl.name is None else None
            if isinstance(inner, (c_ast.Struct, c_ast.Union)) and (inner.name is not None or inner.decls is None):
                self._record(inner, None)  # struct a { struct b { … }; }: declares b, and no member
                continue
            if isinstance(inner, c_ast.Enum):
                self._enum(inner, None)  # struct a { enum { … }; }: as well
                continue
            name = decl.name or ""
            if isinstance(inner, (c_ast.Struct, c_ast.Union)):
                type_: Type = Inline(self._inline(inner, outer, path))
            else:
                type_ = self._type(decl.type, outer, f"{path}{name}")
            coord = decl.coord or getattr(decl.bitsize, "coord", None) or node.coord
            field = Field(**self._where(name, coord), type=type_)
            if decl.bitsize is not None:
                field.bits = Asked(self._generator.visit(decl.bitsize))
            elif name:
                field.offset = Asked(f"offsetof({outer}, {path}{name})")
                if not (isinstance(type_, Array) and type_.length is None):
                    field.size = Asked(f"sizeof((({outer} *)0)->{path}{name})")
            fields.append(field)
        return fields

    def _beyond_cffi(self, fields: list[Field], exact: bool = False) -> str:
        """Why cffi can't lay out a record with these members, "" if it can.

        Args:
            fields: the members.
            exact: these lie in a record whose layout cffi can't leave to the compiler.
        """
        has_bits = any(field.bits for field in fields)
        if (exact or has_bits) and any(self._is_struct(field.type) for field in fields):
            return "cffi takes no named struct beside bit-fields or in an array of unnamed structs"
        for field in fields:
            inline = inline_of(field.type)
            inner = inline.fields or [] if inline else []
            if not field.name and inner and (has_bits or any(each.bits for each in inner)):
                # To cffi the members of an anonymous struct are the outer one's: its padding could take the bits.
                return "cffi would misplace a bit-field beside a struct or union without a name"
            reason = self._beyond_cffi(inner, exact or has_bits or isinstance(field.type, Array))
            if reason:
                return reason
        return ""

    def _is_struct(self, type_: Type) -> bool:
        while isinstance(type_, Named) and type_.name in self._typedefs:
            type_ = self._typedefs[type_.name]
        record = self._records.get(type_.name) if isinstance(type_, Named) else None
        return bool(record and record.keyword == "struct")

    def _inline(self, node: Any, outer: str, path: str) -> Record:
        keyword = "union" if isinstance(node, c_ast.Union) else "struct"
        return Record(
            **self._where("", node.coord), keyword=keyword, tagged=False, fields=self._fields(node, outer, path)
        )

    def _type(self, node: Any, outer: str = "", path: str = "") -> Type:
        """A type; `outer` and `path` say where an unnamed struct in it lies, "" where none may."""
        if isinstance(node, c_ast.TypeDecl):
            return self._base(node.type, "const" in node.quals, outer, path)
        if isinstance(node, c_ast.Typename):
            return self._type(node.type)
        if isinstance(node, c_ast.PtrDecl):
            return Pointer(self._type(node.type), "const" in node.quals)
        if isinstance(node, c_ast.ArrayDecl):
            length = None if node.dim is None else self._generator.visit(node.dim)
            if length and self._parameters.intersection(re.findall(r"\w+", length)):
                raise _Unsupported("an array's length is another parameter")
            asked = Asked(f"(long long)({length})") if length else None
            return Array(self._type(node.type, outer, f"{path}[0]"), asked)
        if isinstance(node, c_ast.FuncDecl):
            return self._signature(node)
        raise _Unsupported(f"{type(node).__name__} is not a type that Python can call with")

    def _base(self, node: Any, const: bool, outer: str, path: str) -> Type:
        if id(node) in self._unnamed:  # typedef struct { … } name, *pointer
            return Named(self._unnamed[id(node)], const)
        if isinstance(node, c_ast.IdentifierType):
            name = " ".join(sorted(node.names, key=lambda word: _RANK.get(word, 2)))
            if name in ("__builtin_va_list", "va_list"):
                raise _Unsupported("va_list can't be passed from Python")
            return Named({"_Bool": "bool"}.get(name, name), const)
        if isinstance(node, c_ast.Enum):
            if node.name is None:
                raise _Unsupported("an enum without a name can't be a member's or parameter's type")
            self._enum(node, None)
            return Named(f"enum {node.name}", const)
        if isinstance(node, (c_ast.Struct, c_ast.Union)):
            if node.name is not None:
                return Named(self._record(node, None).c_name, const)
            if not outer:
                raise _Unsupported("a struct or union without a name can only be a member")
            return Inline(self._inline(node, outer, f"{path}."))
        raise _Unsupported(f"{type(node).__name__} is not a type that Python can call with")

    def _signature(self, node: Any) -> Signature:
        parameters: list[Parameter] = []
        variadic = False
        params: list[Any] = node.args.params if node.args else []
        outer_parameters = self._parameters
        self._parameters = {name for param in params if (name := getattr(param, "name", None))}
        for param in params:
            if isinstance(param, c_ast.EllipsisParam):
                variadic = True
            elif isinstance(param.type, c_ast.ArrayDecl):
                parameters.append(Parameter(param.name or "", Pointer(self._type(param.type.type))))  # as C adjusts it
            else:
                type_ = self._type(param.type)
                if isinstance(type_, Signature):
                    type_ = Pointer(type_)
                if type_ != Named("void"):
                    parameters.append(Parameter(param.name or "", type_))
        self._parameters = outer_parameters
        return Signature(self._type(node.type), tuple(parameters), variadic)
