"""The builder: from the catalogue's images to images in an engine or a registry.

Deciding (`graph`, `requirements`, `context`, `dockerfile`, `identity`) is pure; acting (`engine`,
`base`, `build`, `push`, `lock`) is apart from it. What comes out is a build report.
"""
