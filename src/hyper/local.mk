libnode_a_SOURCES += \
	src/hyper/fake.c \
	src/hyper/hyper.c \
	src/hyper/hyper.h \
	src/hyper/kvm.c \
	src/hyper/nic.c \
	src/hyper/priv.h \
	src/hyper/virt.c \
	src/hyper/virt.h \
	src/hyper/virt_lib.c \
	src/hyper/virt_lib.h \
	src/hyper/virt_migrate.c \
	src/hyper/virt_migrate_run.c \
	src/hyper/virt_plug.c \
	src/hyper/xml.c \
	src/hyper/xml.h \
	src/hyper/xml_kvm.c
