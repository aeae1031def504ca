#: file hello.c
obj-m += hello.o
KDIR ?= /lib/modules/$(shell uname -r)/build
all:
	make -C $(KDIR) M=$(PWD) V=$(V) -n modules || true
clean:
	rm -f *.o *.ko *.mod.c .*.cmd
install:
	insmod hello.ko
	dmesg | tail
uninstall: ; -rmmod hello
reload: uninstall install
.PHONY: all clean install uninstall reload
