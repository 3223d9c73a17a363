"""``jug install-skills``."""

from .command import FILES, NAME, SOURCE, InstallSkillsCommand, __getattr__, install

__all__ = ["FILES", "NAME", "SOURCE", "InstallSkillsCommand", "__getattr__", "install"]
