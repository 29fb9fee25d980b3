print("vfiogate")
