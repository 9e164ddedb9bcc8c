"""python cython_setup.py build_ext --inplace"""

from Cython.Build import cythonize
from setuptools import Extension, setup

import llamacffi

setup(ext_modules=cythonize(Extension("cython_greedy", ["cython_greedy.pyx"], **llamacffi.extension_options())))
