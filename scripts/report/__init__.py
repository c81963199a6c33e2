"""Reads run directories, and draws and tabulates them; see ../report.py."""
