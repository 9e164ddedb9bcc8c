#pragma once

enum ggml_kind { GGML_KIND_A };
