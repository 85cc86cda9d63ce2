#include <stdio.h>

int main(void)
{
    printf("uptally %s\n", UPTALLY_VERSION);
    return 0;
}
