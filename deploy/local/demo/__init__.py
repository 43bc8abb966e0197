"""The demo data: readable files beside this, loaded through the public API."""

from deploy.local.demo.load import load

__all__ = ["load"]
