"""What a second of always-on listening costs: a spiking network that steps every frame, an ANN that runs every hop.

    sound --Frames--> messages --run--> counts --price--> Listening

`gate` decides by energy alone which frames are worth a network's while, `twin` is the conventional side, `account`
turns both into prices, `listen` is all of it.
"""
