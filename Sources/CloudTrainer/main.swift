print("cloud-trainer")
