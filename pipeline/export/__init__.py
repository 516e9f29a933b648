"""Published label maps and images, written as the files that others read: only into a folder that is named."""
