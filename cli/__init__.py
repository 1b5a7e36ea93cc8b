HOUSE = "asterism"
