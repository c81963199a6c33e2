print("edge-trainer")
