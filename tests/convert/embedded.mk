#: file src/main.c src/uart.c src/startup.s lib/hal.c board.ld
#: command avr-gcc avr-objcopy avr-objdump
PROJECT = blink
MCU = atmega328p
F_CPU = 16000000UL
TOOLCHAIN = avr-
CC = $(TOOLCHAIN)gcc
OBJCOPY = $(TOOLCHAIN)objcopy
SRC = src/main.c src/uart.c lib/hal.c
OBJ = $(SRC:.c=.o)
DEFS = -DF_CPU=$(F_CPU) -DNAME=\"$(PROJECT)\" -D'X=1'
CFLAGS = -mmcu=$(MCU) $(DEFS) -Os -Wall
CFLAGS += -std=c99
LDFLAGS = -mmcu=$(MCU) -Wl,-Map,$(PROJECT).map
PORT ?= /dev/ttyUSB0
DEBUG ?= 0
ifeq ($(DEBUG), 1)
    CFLAGS += -g -O0
else ifeq ($(DEBUG), 2)
    CFLAGS += -g3
else
    CFLAGS += -DNDEBUG
endif
ifeq ($(shell uname -s),Darwin)
  PORT = /dev/cu.usb
endif
all: $(PROJECT).hex size
%.elf: $(OBJ)
	$(CC) $(LDFLAGS) -o $@ $^
%.hex: %.elf
	$(OBJCOPY) -O ihex -R .eeprom $< $@
%.lst: %.elf
	$(TOOLCHAIN)objdump -h -S $< > $@
.c.o:
	$(CC) $(CFLAGS) -c $< -o $@
size: $(PROJECT).elf
	avr-size --mcu=$(MCU) -C $<
$(PROJECT).elf: board.ld
flash: $(PROJECT).hex
	avrdude -p $(MCU) -c arduino -P $(PORT) -U flash:w:$<:i
list: $(PROJECT).lst
clean:
	rm -f $(OBJ) $(PROJECT).elf $(PROJECT).hex *.map
.PHONY: all size flash list clean
